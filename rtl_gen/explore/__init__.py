"""The design space of a network: which engines were tried, what they cost, and a page that shows them."""
