"""Pictures of attention that stay on a page or in a notebook and are only fed with new numbers."""
