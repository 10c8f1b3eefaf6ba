async def test_serves(serve, spec):
    async with serve(spec("Iris")) as (server, client):
        print(server.states())
        print((await client.get("/v2/models/m")).text)
        r = await client.post(
            "/v1/models/m:predict", json={"instances": [[1, 2, 3, 4]]}
        )
        print(r.text, r.headers)
        r = await client.post(
            "/v2/models/m/infer",
            json={
                "id": "a",
                "inputs": [
                    {
                        "name": "input",
                        "datatype": "FP32",
                        "shape": [1, 4],
                        "data": [1, 2, 3, 4],
                    }
                ],
            },
        )
        print(r.text)
        for p in (
            "/",
            "/metrics",
            "/v2",
            "/v1/models",
            "/v2/health/ready",
            "/openapi.json",
            "/docs",
            "/nope",
            "/v1/models/x",
            "/v2/models/m/ready",
        ):
            r = await client.get(p)
            print(p, r.status_code, r.text[:100])
