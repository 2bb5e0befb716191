/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of this process, below $TMPDIR or /tmp, for targets that read files. */
#pragma once

/* Its path; made at the first call, removed when the process ends. */
const char *scratch_dir(void);
