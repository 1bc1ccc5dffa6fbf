"""AES-128 on single blocks for the Secure Channel, from `cryptography`."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hal.osdp.secure import Block


def aes(key: bytes) -> tuple[Block, Block]:
    """(encrypt, decrypt) for one 16-byte block; the mode of operation is the caller's."""
    # The Secure Channel chains the blocks itself, in a way no ready-made mode does.
    cipher = Cipher(algorithms.AES128(key), modes.ECB())
    return cipher.encryptor().update, cipher.decryptor().update
