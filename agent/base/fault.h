/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer to the CNI plugin that something cannot be done: the code is one of
 * the CNI specification (1.1, "Well-known Error Codes") or of weir's own, from 100.
 */
#pragma once

enum fault_code {
	FAULT_NONE = 0,
	FAULT_UNKNOWN_CONTAINER = 3,
	FAULT_ENVIRONMENT = 4,
	FAULT_DECODE = 6,
	FAULT_CONFIG = 7,
	FAULT_TRY_LATER = 11,
	FAULT_NOT_AVAILABLE = 50,
	FAULT_KERNEL = 100, /* a request to the kernel was refused */
	FAULT_ADDRESS = 101, /* no address, or not the wanted one */
	FAULT_DIFFERS = 102, /* CHECK: not as it was left */
	FAULT_POLICY = 103, /* the pod's policy cannot be put in force */
	FAULT_NOT_FOUND = 104,
};

/* Its texts are UTF-8. */
struct fault {
	enum fault_code code;
	char msg[160];
	char details[512];
};

/* Fills @fault; returns -EINVAL, so that `return fault_set(...)` reads well. */
int fault_set(struct fault *fault, enum fault_code code, const char *msg, const char *details, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with the text of the errno @r (negative), which it returns. */
int fault_errno(struct fault *fault, enum fault_code code, int r, const char *msg,
		const char *details, ...) __attribute__((format(printf, 5, 6)));
