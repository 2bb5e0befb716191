/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of config.h: options whose values are not parsed in config.c, and what they share. */
#pragma once

#include "config/config.h"

/* The sentence goes to @why. Returns -EINVAL. */
int __attribute__((format(printf, 2, 3))) config_refuse(char *why, const char *fmt, ...);

/* network.c; as config_set() */
int config_add_uplink(struct config *config, const char *value, char *why);
int config_add_pod_cidr(struct config *config, const char *value, char *why);
int config_set_mtu(struct config *config, const char *value, char *why);
int config_set_routing_mode(struct config *config, const char *value, char *why);
int config_set_vxlan_id(struct config *config, const char *value, char *why);
int config_set_vxlan_port(struct config *config, const char *value, char *why);
int config_set_vxlan_checksum(struct config *config, const char *value, char *why);

/* A copy of @value takes the place of *@ret, which is freed; NULL is accepted. 0 or -ENOMEM. */
int config_set_string(char **ret, const char *value);

/* node.c; as config_set() */
int config_set_node_name(struct config *config, const char *value, char *why);
int config_set_drift_interval(struct config *config, const char *value, char *why);
int config_set_node_taint(struct config *config, const char *value, char *why);

/* service.c; as config_set() */
int config_set_forwarding(struct config *config, const char *value, char *why);
int config_set_xdp(struct config *config, const char *value, char *why);
int config_set_source_ports(struct config *config, const char *value, char *why);
int config_set_maglev_size(struct config *config, const char *value, char *why);
int config_set_health_address(struct config *config, const char *value, char *why);
int config_add_service_cidr(struct config *config, const char *value, char *why);
int config_add_node_port_cidr(struct config *config, const char *value, char *why);
int config_set_masquerade_ports(struct config *config, const char *value, char *why);
int config_add_unmasqueraded(struct config *config, const char *value, char *why);
