/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services by hand, a line each:
 *
 *	NAME: PORT FRONTEND... > BACKEND... | PORT ...
 *
 * PORT is the name of the service port; FRONTEND is c (ClusterIP), e (external IP) l (load
 * balancer address with source ranges) or n (NodePort, traffic policy Local) and ADDRESS#PORT,
 * or r and a PREFIX, such a range;
 * BACKEND is ADDRESS#PORT, and L for the local set only, B for both, T for none
 * (terminating); otherwise it is in the cluster set. All is TCP. "NAME:" is a Service that is gone.
 */
#pragma once

#include "model/service.h"

struct service_text {
	char *copy;
	struct service_images images;
};

void service_text_read(struct service_text *ret, const char *line);
void service_text_done(struct service_text *text);
