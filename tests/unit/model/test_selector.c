// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/objects.h"

#define LABELS(...)                                                                \
	{ (struct label[]){ __VA_ARGS__ },                                         \
	  sizeof((struct label[]){ __VA_ARGS__ }) / sizeof(struct label) }
#define SELECTOR(...)                                                              \
	{ (struct requirement[]){ __VA_ARGS__ },                                   \
	  sizeof((struct requirement[]){ __VA_ARGS__ }) / sizeof(struct requirement) }
#define VALUES(...)                                                                \
	(char *[]){ __VA_ARGS__ }, sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)

#define IN(key, ...) { key, SELECTOR_IN, VALUES(__VA_ARGS__) }
#define NOT_IN(key, ...) { key, SELECTOR_NOT_IN, VALUES(__VA_ARGS__) }
#define EXISTS(key) { key, SELECTOR_EXISTS, NULL, 0 }
#define NOT_EXISTS(key) { key, SELECTOR_NOT_EXISTS, NULL, 0 }

struct match_row {
	struct selector selector;
	struct labels labels;
	bool matches;
};

#define FRONT LABELS({ "app", "front" }, { "empty", "" }, { "tier", "web" })
#define BARE { NULL, 0 }

static const struct match_row matches[] = {
	{ { NULL, 0 }, FRONT, true },
	{ { NULL, 0 }, BARE, true },

	{ SELECTOR(IN("app", "front")), FRONT, true },
	{ SELECTOR(IN("app", "back")), FRONT, false },
	{ SELECTOR(IN("app", "back", "front", "mid")), FRONT, true },
	{ SELECTOR(IN("app", "front")), BARE, false },
	{ SELECTOR(IN("app", "fron")), FRONT, false },
	{ SELECTOR(IN("App", "front")), FRONT, false },

	/* matchLabels: {k: ""} needs the key. */
	{ SELECTOR(IN("empty", "")), FRONT, true },
	{ SELECTOR(IN("absent", "")), FRONT, false },
	{ SELECTOR(IN("app", "")), FRONT, false },

	/* An absent key is not in any list. */
	{ SELECTOR(NOT_IN("app", "front")), FRONT, false },
	{ SELECTOR(NOT_IN("app", "back")), FRONT, true },
	{ SELECTOR(NOT_IN("absent", "x")), FRONT, true },
	{ SELECTOR(NOT_IN("absent", "")), FRONT, true },
	{ SELECTOR(NOT_IN("empty", "")), FRONT, false },
	{ SELECTOR(NOT_IN("app", "front")), BARE, true },

	{ SELECTOR(EXISTS("app")), FRONT, true },
	{ SELECTOR(EXISTS("empty")), FRONT, true },
	{ SELECTOR(EXISTS("absent")), FRONT, false },
	{ SELECTOR(NOT_EXISTS("app")), FRONT, false },
	{ SELECTOR(NOT_EXISTS("empty")), FRONT, false },
	{ SELECTOR(NOT_EXISTS("absent")), FRONT, true },
	{ SELECTOR(NOT_EXISTS("absent")), BARE, true },

	/* All must hold. */
	{ SELECTOR(IN("app", "front"), IN("tier", "web")), FRONT, true },
	{ SELECTOR(IN("app", "front"), IN("tier", "db")), FRONT, false },
	{ SELECTOR(IN("app", "back"), IN("tier", "web")), FRONT, false },
	{ SELECTOR(IN("app", "front"), NOT_IN("app", "front")), FRONT, false },
	{ SELECTOR(EXISTS("app"), NOT_EXISTS("app")), FRONT, false },
	{ SELECTOR(EXISTS("app"), NOT_EXISTS("app")), BARE, false },
};

START_TEST(a_selector_matches_as_kubernetes_says)
{
	const struct match_row *row = &matches[_i];

	ck_assert_int_eq(selector_matches(&row->selector, &row->labels), row->matches);
}
END_TEST

struct text_row {
	struct selector selector;
	const char *text;
};

static const struct text_row texts[] = {
	{ { NULL, 0 }, "*" },
	{ SELECTOR(IN("app", "front")), "app=front" },
	{ SELECTOR(IN("app", "")), "app=" },
	{ SELECTOR(IN("app", "back", "front")), "app in (back,front)" },
	{ SELECTOR(NOT_IN("app", "front")), "app!=front" },
	{ SELECTOR(NOT_IN("app", "a", "b")), "app notin (a,b)" },
	{ SELECTOR(EXISTS("app")), "app" },
	{ SELECTOR(NOT_EXISTS("app")), "!app" },
	{ SELECTOR(EXISTS("kubernetes.io/metadata.name")), "kubernetes.io/metadata.name" },
	{ SELECTOR(IN("tier", "web"), IN("app", "front")), "app=front, tier=web" },
};

static char *text_of(const struct selector *selector)
{
	cleanup(buf_done) struct buf buf = {};

	selector_text(&buf, selector);
	return buf_take(&buf);
}

START_TEST(the_text_reads_like_kubectl)
{
	cleanup(freep) char *text = text_of(&texts[_i].selector);

	ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

struct pair_row {
	struct selector a;
	struct selector b;
};

static const struct pair_row same[] = {
	{ SELECTOR(IN("a", "1"), IN("b", "2")), SELECTOR(IN("b", "2"), IN("a", "1")) },
	{ SELECTOR(IN("a", "1"), IN("a", "1")), SELECTOR(IN("a", "1")) },
	{ SELECTOR(EXISTS("a"), IN("a", "1", "2"), NOT_EXISTS("a"), IN("a", "0")),
	  SELECTOR(NOT_EXISTS("a"), IN("a", "0"), IN("a", "1", "2"), EXISTS("a")) },
	{ SELECTOR(NOT_IN("a", "x"), NOT_IN("a", "y"), NOT_IN("a", "x")),
	  SELECTOR(NOT_IN("a", "y"), NOT_IN("a", "x")) },
};

START_TEST(the_order_of_requirements_does_not_show)
{
	cleanup(freep) char *a = text_of(&same[_i].a);
	cleanup(freep) char *b = text_of(&same[_i].b);

	ck_assert_str_eq(a, b);
}
END_TEST

/* Whatever came through the decoder, two selectors must not be taken for each other. */
static const struct selector distinct[] = {
	{ NULL, 0 },
	SELECTOR(EXISTS("")),
	SELECTOR(EXISTS("*")),
	SELECTOR(EXISTS("%2a")),
	SELECTOR(EXISTS("a")),
	SELECTOR(EXISTS("a=")),
	SELECTOR(EXISTS("a, b")),
	SELECTOR(EXISTS("a"), EXISTS("b")),
	SELECTOR(EXISTS("!a")),
	SELECTOR(NOT_EXISTS("a")),
	SELECTOR(NOT_EXISTS("")),
	SELECTOR(NOT_EXISTS("=b")),
	SELECTOR(NOT_IN("", "b")),
	SELECTOR({ "a", SELECTOR_IN, NULL, 0 }),
	SELECTOR({ "a", SELECTOR_NOT_IN, NULL, 0 }),
	SELECTOR(IN("a", "")),
	SELECTOR(IN("a", "", "b")),
	SELECTOR(IN("a", "", ",b")),
	SELECTOR(IN("a", "b")),
	SELECTOR(IN("a", "b", "c")),
	SELECTOR(IN("a", "b,c")),
	SELECTOR(IN("a", "b"), IN("a", "c")),
	SELECTOR(IN("a", "b, a=c")),
	SELECTOR(NOT_IN("a", "")),
	SELECTOR(NOT_IN("a", "b")),
	SELECTOR(NOT_IN("a", "b", "c")),
	SELECTOR(IN("a!", "b")),
	SELECTOR(IN("a", "\xc3\xa9")),
	SELECTOR(IN("a", "%c3%a9")),
	SELECTOR(IN("a", "in (b)")),
};

START_TEST(different_selectors_have_different_texts)
{
	cleanup(freep) char *mine = text_of(&distinct[_i]);

	for (int i = 0; i < CHECK_COUNT(distinct); i++) {
		cleanup(freep) char *other = text_of(&distinct[i]);

		ck_assert_msg((i == _i) == !strcmp(mine, other), "%d and %d: %s", _i, i, mine);
	}
}
END_TEST

START_TEST(a_label_is_found_by_its_whole_key)
{
	struct labels labels = LABELS({ "a", "1" }, { "ab", "2" }, { "b", "" });
	struct labels none = {};

	ck_assert_str_eq(labels_get(&labels, "a"), "1");
	ck_assert_str_eq(labels_get(&labels, "ab"), "2");
	ck_assert_str_eq(labels_get(&labels, "b"), "");
	ck_assert_ptr_null(labels_get(&labels, "abc"));
	ck_assert_ptr_null(labels_get(&labels, ""));
	ck_assert_ptr_null(labels_get(&none, "a"));
}
END_TEST

START_TEST(every_kind_has_a_name)
{
	for (int a = 0; a < OBJECT_KIND_MAX; a++) {
		ck_assert_str_ne(object_kind_name((enum object_kind)a), "unknown");
		for (int b = 0; b < a; b++)
			ck_assert_str_ne(object_kind_name((enum object_kind)a),
					 object_kind_name((enum object_kind)b));
	}
	ck_assert_str_eq(object_kind_name(OBJECT_NETWORK_POLICY), "NetworkPolicy");
	ck_assert_str_eq(object_kind_name(OBJECT_KIND_MAX), "unknown");
}
END_TEST

CHECK_MAIN("selector",
	   CHECK_LOOP(a_selector_matches_as_kubernetes_says, matches),
	   CHECK_LOOP(the_text_reads_like_kubectl, texts),
	   CHECK_LOOP(the_order_of_requirements_does_not_show, same),
	   CHECK_LOOP(different_selectors_have_different_texts, distinct),
	   CHECK_TEST(a_label_is_found_by_its_whole_key),
	   CHECK_TEST(every_kind_has_a_name))
