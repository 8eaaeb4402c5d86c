"""`whet adapt`: an encoder learns the language of texts without labels, before it is fine-tuned."""
