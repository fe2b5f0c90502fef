"""Which addresses may be connected to.

Owns the list of networks that are not the public internet, and the ways in which one address hides in another. Must not
know names or who asks. Pure functions.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

# "near": this machine and its networks, for who was allowed to go there by name. "never": nobody's business.
Kind = Literal["public", "near", "never"]
Address = IPv4Address | IPv6Address

_NEAR_4 = tuple(
    map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)  # the last: shared by a provider's customers (CGNAT), and what Tailscale gives out
_NEVER_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network": Linux takes it for this machine
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "192.0.0.0/24",  # protocol assignments, Oracle's metadata among them
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "100.100.100.200/32",  # Alibaba's metadata
            "168.63.129.16/32",  # Azure's, in a public range
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # what is not in here is not the public internet
_UNIQUE_LOCAL_6 = IPv6Network("fc00::/7")
_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",
            "2002::/16",  # 6to4: an IPv4 address in the middle
            "fd00:ec2::/32",  # Amazon's metadata
            "fd20:ce::/32",  # Google's
        ),
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # in the upper half of the interface's number, an IPv4 address behind it


def kind_of(address: Address) -> Kind:
    """Return what `address` is; an IPv4 address inside an IPv6 one counts as itself, but never as near."""
    if isinstance(address, IPv4Address):
        if _within(address, _NEVER_4):
            return "never"
        return "near" if _within(address, _NEAR_4) else "public"
    if address.ipv4_mapped is not None:
        # The system connects to the IPv4 address itself, so that this is only another way to write it.
        return kind_of(address.ipv4_mapped)
    if address in _NAT64:
        # Networks without IPv4 reach all of it so; what is near on the other side of that is none of ours.
        return "public" if kind_of(IPv4Address(int(address) & 0xFFFFFFFF)) == "public" else "never"
    if address.scope_id is not None or any(address in network for network in _NEVER_6):
        return "never"
    if address.is_loopback or address in _UNIQUE_LOCAL_6:
        return "near"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "never"
    return "public" if address in _GLOBAL_6 else "never"


def _within(address: IPv4Address, networks: tuple[IPv4Network, ...]) -> bool:
    return any(address in network for network in networks)
