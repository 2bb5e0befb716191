// SPDX-License-Identifier: Apache-2.0
/* What options there are. */
#include "config/config.h"

const struct config_option config_options[CONFIG_KEY_MAX] = {
	[CONFIG_MANIFESTS] = { "manifests", "DIR", "directory of Kubernetes manifests" },
	[CONFIG_KUBECONFIG] = { "kubeconfig", "FILE",
				"how to reach the Kubernetes API (default: as a pod does, if it is one)" },
	[CONFIG_API_SERVER] = { "api-server", "URL",
				"an API server, instead of the one in the kubeconfig or of the Service; "
				"repeat it for others", true },
	[CONFIG_NODE_NAME] = { "node-name", "NAME", "name of this node (default: the host name)" },
	[CONFIG_NODE_TAINT] = { "node-taint", "KEY",
				"of the taint that goes from the Node when pods may come "
				"(default " CONFIG_NODE_TAINT_DEFAULT ")" },
	[CONFIG_POD_CIDR] = { "pod-cidr", "CIDR",
			      "addresses for pods; repeat it for the second family", true },
	[CONFIG_STATE_DIR] = { "state-dir", "DIR", "what must be kept (default /var/lib/weir)" },
	[CONFIG_RUN_DIR] = { "run-dir", "DIR", "holds the control socket (default /run/weir)" },
	[CONFIG_BPFFS] = { "bpffs", "DIR", "pinned objects (default /sys/fs/bpf/weir)" },
	[CONFIG_CNI_CONF] = { "cni-conf", "FILE",
			      "CNI configuration to write when pods can start (default none)" },
	[CONFIG_CGROUP] = { "cgroup", "DIR",
			    "cgroup v2 directory of the host's sockets (default auto)" },
	[CONFIG_SOCKET_SERVICES] = { "socket-services", "host|all|off",
				     "whose sockets use services by their connect (default host)" },
	[CONFIG_FORWARDING] = { "service-forwarding", "snat|dsr",
				"how connections from outside go on to another node (default snat)" },
	[CONFIG_SOURCE_PORTS] = { "service-source-ports", "FIRST-LAST",
				  "of connections from outside that go on to another node "
				  "(default 10000-29999)" },
	[CONFIG_MAGLEV_SIZE] = { "maglev-table-size", "ENTRIES",
				 "of the table that spreads connections from outside, a prime; on "
				 "all nodes the same (default 16381)" },
	[CONFIG_SERVICE_CIDR] = { "service-cidr", "CIDR",
				  "from which services get their addresses: packets to others of it "
				  "are dropped; repeat it for others", true },
	[CONFIG_NODE_PORT_CIDR] = { "node-port-addresses", "CIDR",
				    "of this node, on which NodePorts answer; repeat it for others",
				    true },
	[CONFIG_HEALTH_ADDRESS] = { "health-address", "ADDRESS:PORT",
				    "where load balancers ask for /healthz and /livez of the node "
				    "(default off)" },
	[CONFIG_ROUTING_MODE] = { "routing-mode", "native|vxlan|auto",
				  "how packets reach the pods of other nodes: by the network, in a "
				  "tunnel, or in one to nodes of other links (default native)" },
	[CONFIG_VXLAN_ID] = { "vxlan-id", "NUMBER",
			      "network identifier of the tunnels, on all nodes the same (default 1)" },
	[CONFIG_VXLAN_PORT] = { "vxlan-port", "PORT",
				"UDP port of the tunnels, on all nodes the same (default 8472)" },
	[CONFIG_VXLAN_CHECKSUM] = { "vxlan-checksum", "auto|yes|no",
				    "UDP checksums of the tunnels' packets (default auto: between "
				    "IPv6 addresses only)" },
	[CONFIG_UPLINK] = { "uplink", "IFNAME",
			    "network device to the outside, repeat it for others (default auto)",
			    true },
	[CONFIG_XDP] = { "xdp", "auto|native|generic|off",
			 "fast path of uplinks for services from outside (default off)" },
	[CONFIG_MTU] = { "mtu", "BYTES", "of pod interfaces (default 0: the uplink's)" },
	[CONFIG_MASQUERADE] = { "masquerade", "yes|no",
				"translate pod addresses towards the outside (default yes)" },
	[CONFIG_MASQUERADE_PORTS] = { "masquerade-ports", "[PROTOCOL=]FIRST-LAST",
				      "of the node for pods' connections to the outside, for tcp, udp, "
				      "sctp or icmp (identifiers of echoes); repeat it for others "
				      "(default 10000-29999)", true },
	[CONFIG_UNMASQUERADED] = { "non-masquerade-cidr", "CIDR",
				   "to which pods keep their address; repeat it for others", true },
	[CONFIG_TABLE_SIZE] = { "table-size", "TABLE=ENTRIES",
				"of a table in the kernel; repeat it for others", true },
	[CONFIG_DRIFT_INTERVAL] = { "drift-interval", "SECONDS|off",
				    "how often what the kernel holds is compared with what it shall "
				    "(default 1)" },
	[CONFIG_LOG_LEVEL] = { "log-level", "LEVEL", "error, warn, info (default) or debug" },
};
