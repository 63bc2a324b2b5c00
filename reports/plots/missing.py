"""What can be wrong with a picture."""


class PlotsError(Exception):
    """Pictures cannot be drawn or written; the message says why and what to do."""


class MissingError(Exception):
    """A run does not hold what a picture shows; the message says what would make it.

    Raised by the pictures, and shown in their place.
    """
