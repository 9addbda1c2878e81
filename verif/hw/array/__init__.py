"""Unit tests of the array's components, in Amaranth's simulator: a naive model beside each."""
