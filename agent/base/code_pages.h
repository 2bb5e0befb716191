/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lets go of all pages of the program and its libraries that are never written: code,
 * constants and the eBPF objects, most of which only a start needs. What is used again is
 * mapped again, from the page cache, by some pages at once. To be called when a start is over.
 *
 * Source: madvise(2), MADV_DONTNEED of a private mapping of a file; elf(5), PT_LOAD.
 */
void code_pages_drop(void);
