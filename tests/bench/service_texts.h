/* SPDX-License-Identifier: Apache-2.0 */
/* Services with their endpoints as an API server writes them, in JSON. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct service_size {
	uint32_t services;
	uint32_t endpoints; /* of one */
};

/* Endpoint @endpoint of a service; its address differs from @turn to turn. */
struct service_change {
	uint32_t service, endpoint, turn;
};

/* A List of so many Services and all of their EndpointSlices; the caller frees. */
char *text_of_services(const struct service_size *size, uint32_t first, uint32_t count);

/* The EndpointSlice in which the endpoint is, after the change. */
char *text_of_change(const struct service_size *size, const struct service_change *change);
