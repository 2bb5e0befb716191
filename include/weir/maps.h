/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Default sizes of the pinned maps. The pin file, the C variable and the map
 * have one name. The agent may set other sizes before load.
 */
#pragma once

#define ENDPOINT_SLOTS 4096 /* power of two */
#define PEERS_MAX 131072
#define RULESETS_MAX 4096
#define POLICY_CLASSES_MAX 131072
#define POLICY_PORTS_MAX 131072
#define POLICY_CIDRS_MAX 262144
#define POLICY_ROWS_MAX 65536
#define CT_MAX 131072
#define CT_NEW_MAX 65536
#define FRAGS_MAX 8192
#define HELD_MAX 1024
#define FRONTENDS_MAX 65536
#define SERVICE_PORTS_MAX 32768
#define BACKENDS_MAX 65536
#define BACKEND_SLOTS_MAX 2097152
#define AFFINITY_MAX 65536
#define SOCKET_PEERS_MAX 65536
#define SERVICE_RANGES_MAX 65536
#define NODE_CIDRS_MAX 65536
#define MASQUERADE_SOURCES_MAX 64
#define UNMASQUERADED_MAX 65536
