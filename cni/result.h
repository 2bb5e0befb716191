/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CNI results. In memory a result always has the newest form (1.1.0); it is read
 * from and written in the form of every version.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "cni/version.h"

#define RESULT_IPS_MAX 16

struct result_ip {
	char text[PREFIX_TEXT_MAX]; /* ADDRESS/BITS as given */
	struct ip_addr addr;
	uint8_t bits;
	struct ip_addr gateway; /* of the default route that the result promises; ::  none */
};

/*
 * @given: a result of any version; without `cniVersion` it is taken as @assumed.
 * 0, -EINVAL for what is no result, or -ENOMEM; *@ret is the caller's.
 */
int result_parse(json_t **ret, const json_t *given, enum cni_version assumed);

/* In the form of @version; *@ret is the caller's. 0 or -ENOMEM. */
int result_format(json_t **ret, const json_t *result, enum cni_version version);

/*
 * The addresses of the container's interface @ifname: those that point at it, and
 * those that point at no interface at all. Their number, or -EINVAL for an address
 * that is none or when there are more than RESULT_IPS_MAX.
 */
int result_ips(struct result_ip ret[static RESULT_IPS_MAX], const json_t *result,
	       const char *ifname);

/* MAC address of the container's interface @ifname, NULL when it is not told. */
const char *result_mac(const json_t *result, const char *ifname);
