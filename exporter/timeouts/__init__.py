"""How long a call of a model may take: learned from how long such calls took."""
