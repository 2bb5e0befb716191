/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoder says about a text, one line a statement: objects first, then
 * problems ("error: " or "warning: ", the object, the field, what is wrong).
 */
#pragma once

/* Caller frees. Aborts when the decoder fails. */
char *dump_text(const char *text);

/* The test fails unless @text decodes to @expected. */
void check_decodes(const char *text, const char *expected);

