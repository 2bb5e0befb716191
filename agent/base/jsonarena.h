/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON trees that come and go as a whole: while an arena is open, what jansson allocates
 * in this thread is cut from a few large pieces, and freeing a value frees nothing. Of a
 * document with many values that saves most of the allocator's work.
 */
#pragma once

/*
 * Opens this thread's arena. Until json_arena_close() no value that was there before may be
 * freed, and none that is made may be kept. They do not nest.
 */
void json_arena_open(void);
void json_arena_close(void);
