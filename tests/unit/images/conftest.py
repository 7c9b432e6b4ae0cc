import pytest

from core.images.decoder import Decoder


@pytest.fixture
async def decoder():
    pool = Decoder(workers=1)
    yield pool
    await pool.close()
