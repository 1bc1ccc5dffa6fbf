"""The Seam API over the same locks and codes that the device-cloud API shows."""
