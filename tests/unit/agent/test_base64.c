// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"

static const struct {
	const char *text;
	int expected;
	const char *bytes;
	size_t length;
} texts[] = {
	/* RFC 4648, section 10 */
	{ "", 0, "", 0 },
	{ "Zg==", 0, "f", 1 },
	{ "Zm8=", 0, "fo", 2 },
	{ "Zm9v", 0, "foo", 3 },
	{ "Zm9vYg==", 0, "foob", 4 },
	{ "Zm9vYmE=", 0, "fooba", 5 },
	{ "Zm9vYmFy", 0, "foobar", 6 },
	{ "/+8A", 0, "\xff\xef\0", 3 },
	{ " Zm9v\r\nYmFy\n", 0, "foobar", 6 },
	{ "Zg", -EINVAL, NULL, 0 },
	{ "Zg=", -EINVAL, NULL, 0 },
	{ "Zg===", -EINVAL, NULL, 0 },
	{ "Z===", -EINVAL, NULL, 0 },
	{ "Z", -EINVAL, NULL, 0 },
	{ "=", -EINVAL, NULL, 0 },
	{ "Zm9v=", -EINVAL, NULL, 0 },
	{ "Zg==Zg==", -EINVAL, NULL, 0 },
	{ "Zh==", -EINVAL, NULL, 0 }, /* bits that belong to no byte */
	{ "Zm9-", -EINVAL, NULL, 0 },
	{ "\xc3\xa9==", -EINVAL, NULL, 0 },
};

START_TEST(base64_is_decoded_strictly)
{
	char *bytes = NULL;
	size_t length = 0;

	ck_assert_int_eq(base64_decode(&bytes, &length, texts[_i].text), texts[_i].expected);
	if (!texts[_i].expected) {
		ck_assert_uint_eq(length, texts[_i].length);
		ck_assert_mem_eq(bytes, texts[_i].bytes, length);
		ck_assert_int_eq(bytes[length], '\0');
	}
	free(bytes);
}
END_TEST

CHECK_MAIN("base64", CHECK_LOOP(base64_is_decoded_strictly, texts))
