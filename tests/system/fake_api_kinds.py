# SPDX-License-Identifier: Apache-2.0
"""What the API server of fake_api.py serves, and where."""

KINDS = {
    "namespaces": ("/api/v1", "Namespace", False),
    "nodes": ("/api/v1", "Node", False),
    "pods": ("/api/v1", "Pod", True),
    "services": ("/api/v1", "Service", True),
    "endpointslices": ("/apis/discovery.k8s.io/v1", "EndpointSlice", True),
    "networkpolicies": ("/apis/networking.k8s.io/v1", "NetworkPolicy", True),
    "servicecidrs": ("/apis/networking.k8s.io/v1", "ServiceCIDR", False),
    "clusternetworkpolicies": ("/apis/policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", False),
    "adminnetworkpolicies": ("/apis/policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", False),
    "baselineadminnetworkpolicies": ("/apis/policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", False),
}
OPTIONAL = ("servicecidrs", "clusternetworkpolicies", "adminnetworkpolicies", "baselineadminnetworkpolicies")


def status_object(code, message):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def place_of(path):
    """Kind and key of the object that a path is about, or None."""
    for plural, (group, _, namespaced) in KINDS.items():
        parts = path.removeprefix(group).strip("/").split("/")
        if not path.startswith(group + "/"):
            continue
        if namespaced and len(parts) == 4 and parts[0] == "namespaces" and parts[2] == plural:
            return plural, (parts[1], parts[3])
        if not namespaced and len(parts) == 2 and parts[0] == plural:
            return plural, ("", parts[1])
    return None
