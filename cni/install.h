/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Put this very program into the directory @dir, which is made if need be, as weir-cni: whole
 * and by rename, so that a runtime that starts it meets the old or the new one and never a file
 * that is busy. 0 or a negative errno.
 */
int cni_install(const char *dir);
