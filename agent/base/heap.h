/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's heap. Texts that become trees that become objects leave holes between the
 * objects: after a large load they may be a third of what the kernel counts.
 */
#pragma once

/*
 * What is large is mapped by itself from now on, and stays so when it grows; left alone,
 * malloc() learns to put it among the small. Threads share one heap: what one of them leaves
 * free, all can use. Call it first of all.
 */
void heap_init(void);

/*
 * To be called after work that may have been large: gives holes back to the kernel when the
 * process has grown much since the last time.
 */
void heap_trim(void);
