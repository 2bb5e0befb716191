// SPDX-License-Identifier: Apache-2.0
#include "control/queries.h"

const struct control_row control_query_rows[] = {
	{ "GET", "/v1/status", false, query_status },
	{},
};
