/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of api_feed.h. */
#pragma once

#include "source/api_feed.h"

/*
 * In the feed's arena, which is in use. @inside: as of api_outline_trim(). NULL: it is no
 * JSON, or its values would take too much memory.
 */
json_t *api_feed_parse(const char *text, size_t length, const char *inside);

/*
 * One object that is there, or was @is_deleted; @is_copy: it was recalled. 0, -ENOMEM, or
 * -EBADMSG: it has no name.
 */
int api_feed_apply(struct api_feed *feed, json_t *object, bool is_deleted, bool is_copy);

/*
 * The same of one that is there and cannot be read, but for @outline: a problem is told, and
 * a former version stays in force; a NetworkPolicy without one isolates. -EBADMSG: not even
 * its name is known.
 */
int api_feed_unread(struct api_feed *feed, json_t *outline);
