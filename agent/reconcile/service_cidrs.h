/* SPDX-License-Identifier: Apache-2.0 */
/* Service CIDRs in map `state` (weir/state.h). */
#pragma once

#include "datapath/datapath.h"
#include "model/service_cidr.h"

/*
 * From now on these are in force and no others. One that stays keeps its place, so that it
 * holds all the time. Returns whether there was anything to write.
 */
bool service_cidrs_write(struct datapath *dp, const struct service_cidrs *cidrs);
