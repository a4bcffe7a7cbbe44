"""The REST binding of EPCIS 2.0, row by row of its contract, over HTTP."""
