/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cni-conf: the CNI configuration that makes a runtime use weir. A node becomes Ready with it, so
 * it is written last, when a pod could start, and stays when the agent ends: without it no pod
 * could end either.
 *
 * Source: the CNI specification, "Configuration format"; capabilities as weir-cni(8) has them.
 */
#pragma once

struct agent;
struct config;

/*
 * Write the file if pods can start and it does not say what it should. What fails is logged
 * once and may be tried again at any time.
 */
void cniconf_write(struct agent *agent);

/* The text of the file for @config; the caller frees. NULL: no memory. */
char *cniconf_text(const struct config *config);

/* Nothing when no file is configured or there. 0 or a negative errno. */
int cniconf_remove(const struct config *config);
