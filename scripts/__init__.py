"""Tools of the checkout: installation, lock file, checks. None of them is part of the product."""
