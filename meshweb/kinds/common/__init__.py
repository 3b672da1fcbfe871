"""Parts of documents that several kinds share: models and the checks that go with them."""
