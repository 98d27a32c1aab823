"""Ways to move money: the protocol in `gateways.payment`, one implementation per module."""
