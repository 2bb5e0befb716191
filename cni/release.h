/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up an endpoint, with or without an agent. */
#pragma once

#include "cni/call.h"

/*
 * The agent cuts the pod off and deletes its link by and by. When no agent does,
 * the host link is deleted here and the endpoint's name left in
 * `<directory of the socket>/deleted/` for the agent's return. Fails, with
 * CNI_IO_FAILURE, only when neither the link could be deleted nor a name be left.
 */
int endpoint_release(const struct cni_call *call, struct cni_error *error);
