"""What every solver of the inverse problem shares: masking, normalisation, data consistency."""
