"""Which network addresses may be fetched from.

Own tables, because `ipaddress.is_global` calls several dangerous addresses global, among them
multicast, 64:ff9b::7f00:1, ::127.0.0.1 and a cloud's metadata service, and differs by Python
version.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

# https://www.iana.org/assignments/iana-ipv4-special-registry, read 2026-11-23.
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host services, a public address by number
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
# Inside the global range: protocol assignments (Teredo), documentation, 6to4, documentation.
_REFUSED_V6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


def is_public(address: str) -> bool:
    """Say whether a literal address is an ordinary one on the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return parsed in _GLOBAL_V6 and not any(parsed in each for each in _REFUSED_V6)
        parsed = parsed.ipv4_mapped
    return not any(parsed in network for network in _REFUSED_V4)
