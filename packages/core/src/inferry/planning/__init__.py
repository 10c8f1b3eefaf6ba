"""From a document to a `ServingPlan`: catalog, runtime selection, merge, placeholders."""
