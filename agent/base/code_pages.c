// SPDX-License-Identifier: Apache-2.0
/*
 * Three dozen libraries come with the one that speaks HTTP, and each touches pages for its
 * relocations and constructors: twice what an agent without pods takes otherwise.
 */
#include "base/code_pages.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that may be written hold relocations, and would come back without them. */
static void drop_segment(const ElfW(Addr) base, const ElfW(Phdr) *segment)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (base + segment->p_vaddr + page - 1) & ~(page - 1);
	uintptr_t to = (base + segment->p_vaddr + segment->p_filesz) & ~(page - 1);

	if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

static int drop_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		drop_segment(info->dlpi_addr, &info->dlpi_phdr[i]);
	return 0;
}

void code_pages_drop(void)
{
	dl_iterate_phdr(drop_object, NULL);
}
