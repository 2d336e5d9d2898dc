"""What a program says of itself: profile, roofline, limits, reasons, costs, failures."""
