/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bits of the packet mark that weir uses between its programs and the kernel's
 * own facilities. All other bits are left alone.
 */
#pragma once

/*
 * A pod's packet that answers a connection which others opened to the pod's own
 * address. The kernel has not seen that connection's other direction (it was
 * delivered before the stack) and would take the answer for a new connection of
 * the pod: it must not be masqueraded. Where it leaves the node it may have to become
 * the answer of a service (to_wire).
 */
#define WEIR_MARK_ANSWER 0x00100000
