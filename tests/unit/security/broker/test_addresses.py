"""R19: which addresses are public, near or nobody's business, in every way to write them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.security.broker.addresses import kind_of


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"]
)
def test_the_public_internet_is_public(text: str) -> None:
    assert kind_of(ip_address(text)) == "public"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "::1", "fd12:3456::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:192.168.0.1", "::ffff:7f00:1",
    ],
)  # fmt: skip
def test_this_machine_and_its_network_are_near(text: str) -> None:
    assert kind_of(ip_address(text)) == "near"


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.251", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "100.100.100.200", "168.63.129.16", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1",
        "2001:0:53aa:64c:0:fbff:5601:101", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::c0a8:1", "64:ff9b:1::808:808", "::127.0.0.1",
        "::ffff:0:7f00:1",
        "::ffff:169.254.169.254", "::ffff:0.0.0.0", "fd00:ec2::254", "fd20:ce::254", "100::1", "5f00::1",
        "2001:470:1::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "4000::1",
    ],
)  # fmt: skip
def test_what_has_no_page_is_never_reached(text: str) -> None:
    assert kind_of(ip_address(text)) == "never"


def test_nat64_reaches_what_is_public() -> None:
    assert kind_of(IPv6Address("64:ff9b::808:808")) == "public"


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_public_that_python_knows_as_none(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert kind_of(address) != "public"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_hides_in_no_ipv6_address(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    nat64 = IPv6Address(bytes.fromhex("0064ff9b") + b"\0" * 8 + address.packed)
    six_to_four = IPv6Address(b"\x20\x02" + address.packed + b"\0" * 10)
    teredo = IPv6Address(bytes.fromhex("20010000") + b"\0" * 8 + bytes(byte ^ 255 for byte in address.packed))
    assert kind_of(mapped) == kind_of(address)
    assert (kind_of(nat64) == "public") == (kind_of(address) == "public")
    assert kind_of(six_to_four) == kind_of(teredo) == "never"


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_public_that_python_knows_as_none(address: IPv6Address) -> None:
    if address.ipv4_mapped is None and address not in _NAT64 and (address.is_private or not address.is_global):
        assert kind_of(address) != "public"


_NAT64 = IPv6Network("64:ff9b::/96")
