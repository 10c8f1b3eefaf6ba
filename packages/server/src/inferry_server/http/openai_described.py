"""OpenAI's routes as OpenAPI describes them."""

from __future__ import annotations

from inferry_server.http.described_routes import INFERS, TELLS, Described

OPENAI_ROUTES = (
    *(
        described
        for base in ("/openai/v1", "/v1")
        for described in (
            Described(
                "POST",
                f"{base}/chat/completions",
                "Chat as OpenAI's clients do, whole or as a stream of events.",
                "Completion",
                INFERS,
                "OpenAIRequest",
                {"model": "llama", "messages": [{"role": "user", "content": "Hello"}]},
            ),
            Described(
                "POST",
                f"{base}/completions",
                "Complete a text as OpenAI's clients do.",
                "Completion",
                INFERS,
                "OpenAIRequest",
                {"model": "llama", "prompt": "Once upon a time", "max_tokens": 20},
            ),
            Described(
                "POST",
                f"{base}/embeddings",
                "Embed texts as OpenAI's clients do.",
                "OpenAIList",
                INFERS,
                "OpenAIRequest",
                {"model": "minilm", "input": ["cat", "kitten"]},
            ),
            Described(
                "POST",
                f"{base}/rerank",
                "Sort documents by how well they answer a query, as Jina's API does.",
                "Reranked",
                INFERS,
                "OpenAIRequest",
                {"model": "ranker", "query": "cat", "documents": ["kitten", "stocks"]},
            ),
        )
    ),
    *(
        Described(
            "POST",
            path,
            "Sort documents, where Cohere's and vLLM's clients seek it.",
            "Reranked",
            INFERS,
            "OpenAIRequest",
            {"model": "ranker", "query": "cat", "documents": ["kitten", "stocks"]},
        )
        for path in ("/rerank", "/v2/rerank")
    ),
    Described(
        "GET",
        "/openai/v1/models",
        "List the models that answer OpenAI's clients.",
        "OpenAIList",
    ),
    Described(
        "GET",
        "/openai/v1/models/{model}",
        "Describe a model as OpenAI does.",
        "OpenAIModel",
        TELLS,
    ),
)
