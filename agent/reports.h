/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent reports to the API servers that its objects come from (report/report.h). */
#pragma once

struct agent;

/* Nothing is reported when objects come from manifests. 0 or a negative errno, logged. */
int reports_open(struct agent *agent);
void reports_close(struct agent *agent);
