"""The page that one opens to see why a number is what it is: tables, figures and a gallery, without a server."""
