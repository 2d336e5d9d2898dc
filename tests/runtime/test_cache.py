"""The contract of the object cache, point by point."""

import concurrent.futures
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.errors import CacheWarning, CompileError
from graphc.runtime.environment import cache_folder, threads_asked
from graphc.runtime.language import fingerprint, machine
from graphc.runtime.language.jit import LLVM, Source, compile_kernel
from graphc.runtime.objects import cache
from graphc.runtime.objects.cache import KernelCache
from graphc.runtime.objects.store import Entry, Store, open_store
from tests.runtime.waiting import waited

SOURCE = """
def scale(begin, end, part, args):
    x = pointer(args, f32, 0)
    for i in range(begin, end):
        x[i] = expm1_f32(x[i]) * f32({}.0)
"""
IR = "define void @nothing(i64 %n) { ret void }"
SCALE = [Source(SOURCE.format(2), "scale")]
NOTHING = [Source(IR, "nothing", LLVM)]


def run(address: int) -> list[float]:
    x = np.array([0.0, np.log(2.0)], np.float32)
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)(0, 2, 0, x.ctypes.data)
    return x.tolist()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "kernels")


def test_memory_then_disk_then_compiler(store: Store) -> None:
    first, second = KernelCache(store), KernelCache(store)
    address = first.load(SCALE)[0]
    assert run(address) == [0, 2]
    assert first.load(SCALE)[0] == address
    assert (first.stats.hits, first.stats.compiled) == (0, 1)
    assert first.stats.seconds > 0
    assert run(second.load(SCALE)[0]) == [0, 2]
    assert (second.stats.hits, second.stats.compiled, second.stats.seconds) == (1, 0, 0)
    assert second.stats.loading > 0


def test_ir_is_cached_too(store: Store) -> None:
    assert KernelCache(store).load(NOTHING)
    warm = KernelCache(store)
    assert warm.load(NOTHING) == warm.load(NOTHING)
    assert (warm.stats.hits, warm.stats.tiles) == (1, 0)


WARM = """
import sys
from graphc.runtime.objects.cache import KernelCache
from graphc.runtime.language.jit import Source
from graphc.runtime.objects.store import open_store
from pathlib import Path
cache = KernelCache(open_store(Path(sys.argv[1])))
for n in (2, 3):
    assert cache.load([Source(sys.argv[2].replace("2.0", f"{n}.0"), "scale")])
print(cache.stats.hits, cache.stats.compiled)
"""


def start(store: Store) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WARM, str(store.folder), SOURCE.format(2)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_four_processes_store_the_same_kernels_and_a_fifth_compiles_none(store: Store) -> None:
    cold = [start(store) for _ in range(4)]
    for process in cold:
        hits, compiled = map(int, process.communicate()[0].split())
        assert (process.returncode, hits + compiled) == (0, 2)
    warm = start(store)
    assert warm.communicate()[0].split() == ["2", "0"]
    assert warm.returncode == 0
    assert len(store.files()) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: b"",
        lambda content: content[:-20] + b"\0" * 20,
        lambda content: content + b"x",
        lambda content: b"[1, 2]\n" + content,
        lambda content: content.replace(b"graphc_", b"graphC_", 1),
    ],
)
def test_damaged_files_are_compiled_afresh(store: Store, damage) -> None:
    text = IR.replace("ret", "\n ret")
    KernelCache(store).load([Source(text, "nothing", LLVM)])
    (file,) = store.files()
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    broken = KernelCache(store)
    with pytest.warns(CacheWarning, match="damaged"):
        assert broken.load([Source(text, "nothing", LLVM)])
    assert broken.stats.tiles == 1
    assert file.read_bytes() == sound


def test_code_of_another_cpu_is_never_loaded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    KernelCache(store).load(NOTHING)
    symbol = NOTHING[0].symbol
    monkeypatch.setattr(fingerprint, "host", lambda: machine.Host("another", "+less"))
    fingerprint.surroundings.cache_clear()
    try:
        assert NOTHING[0].symbol != symbol
        assert store.get(NOTHING[0].symbol) is None
    finally:
        fingerprint.surroundings.cache_clear()


@pytest.mark.skipif(os.name != "posix", reason="Windows has access rights of its own")
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_folder_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.warns(CacheWarning, match="others have access"):
        store = open_store(tmp_path)
    refused = KernelCache(store)
    assert run(refused.load(SCALE)[0]) == [0, 2]
    assert (store.files(), store.size()) == ([], 0)


@pytest.mark.skipif(os.name != "posix", reason="Windows has access rights of its own")
def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.warns(CacheWarning, match="another user"):
        assert open_store(tmp_path).folder is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(CacheWarning, match="not used"):
        assert open_store(tmp_path / "file" / "kernels").folder is None


@pytest.mark.skipif(os.name != "posix", reason="Windows has access rights of its own")
def test_a_new_folder_is_private_and_files_appear_at_once(store: Store) -> None:
    assert store.folder is not None
    assert store.folder.stat().st_mode & 0o777 == 0o700
    store.put("key", Entry(b"data", ("expf",)))
    assert store.get("key") == Entry(b"data", ("expf",))
    assert store.get("other") is None
    assert [file.name for file in store.folder.iterdir()] == ["key.graphc"]


def test_a_folder_that_vanished_is_a_warning(store: Store) -> None:
    assert store.folder is not None
    store.folder.rmdir()
    with pytest.warns(CacheWarning, match="cannot be written"):
        store.put("key", Entry(b"data"))


def test_size_and_clear(store: Store) -> None:
    store.put("key", Entry(b"data"))
    assert store.size() == sum(file.stat().st_size for file in store.files()) > 4
    store.clear()
    assert (store.size(), store.get("key")) == (0, None)


def test_threads_compile_a_kernel_once(store: Store) -> None:
    shared = KernelCache(store)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        gate = threading.Barrier(4)

        def load() -> int:
            gate.wait()
            return shared.load([Source(SOURCE.format(5), "scale")])[0]

        futures = [pool.submit(load) for _ in range(4)]
        assert len({future.result() for future in futures}) == 1
    assert shared.stats.compiled == 1


def batch(first: int) -> list[Source]:
    return [Source(SOURCE.format(n), "scale") for n in range(first, first + 4)]


def test_threads_with_batches_in_common_compile_each_kernel_once(store: Store) -> None:
    shared = KernelCache(store)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        gate = threading.Barrier(3)

        def load(first: int) -> list[int]:
            gate.wait()
            return shared.load(batch(first))

        found = list(pool.map(load, (10, 12, 14)))
    assert [run(address)[1] for address in found[2]] == [14, 15, 16, 17]
    assert found[0][2:] == found[1][:2]
    assert (shared.stats.compiled, shared.stats.memory) == (8, 4)


def test_kernels_that_are_compiled_at_once_are_those_compiled_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each core optimises another one, in whatever order."""
    functions = ("exp", "log", "tanh", "erf", "sin", "expm1", "log1p", "sigmoid")
    text = SOURCE.format(2)
    sources = [Source(text.replace("expm1", name), "scale") for name in functions]
    monkeypatch.setattr(cache, "available_cores", lambda: 4)
    assert KernelCache(store).load([*sources, *NOTHING])
    for source in (*sources, *NOTHING):
        kernel = compile_kernel(source)
        assert store.get(source.symbol) == Entry(kernel.code, kernel.imports)


def test_llvm_works_for_several_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LLVM works long it does not wait for llvmlite's lock, which another thread has here."""
    unlocked, missed = machine._unlocked, list[bool]()

    def hold(held: threading.Event, done: threading.Event) -> None:
        with machine.llvm.ffi.lib._lock:
            held.set()
            missed.append(not waited(done, 10))

    def beside_a_holder(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            held, done = threading.Event(), threading.Event()
            holder = threading.Thread(target=hold, args=(held, done))
            holder.start()
            held.wait()
            result = unlocked(function)(*arguments)
            done.set()
            holder.join()
            return result

        return call

    wanted = compile_kernel(SCALE[0])
    monkeypatch.setattr(machine, "_unlocked", beside_a_holder)
    assert compile_kernel(SCALE[0]) == wanted
    assert missed == [False, False]  # while it optimises, and while it makes machine code


def test_what_fails_to_compile_leaves_the_cache_usable(store: Store) -> None:
    kernels = KernelCache(store)
    with pytest.raises(CompileError, match="no_such_name"):
        kernels.load(
            [*batch(30), Source(SOURCE.format(2).replace("expm1", "no_such_name"), "scale")]
        )
    assert [run(address)[1] for address in kernels.load(batch(30))] == [30, 31, 32, 33]


def test_where_no_thread_can_be_started_this_one_compiles(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of a process, or where the system gives no more threads."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(machine.Workers, "submit", refuse)
    kernels = KernelCache(store)
    assert [run(address)[1] for address in kernels.load(batch(40))] == [40, 41, 42, 43]


@pytest.mark.skipif(os.name != "posix", reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_while_another_thread_compiles(store: Store) -> None:
    shared = KernelCache(store)
    worker = threading.Thread(target=shared.load, args=(batch(20),))
    worker.start()
    while shared.stats.translating == 0:
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        fine = [run(address)[1] for address in shared.load(batch(22))] == [22, 23, 24, 25]
        os._exit(0 if fine else 1)
    worker.join()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert [run(address)[1] for address in shared.load(batch(20))] == [20, 21, 22, 23]


def test_the_digest_covers_sources_versions_and_cpu() -> None:
    everything = fingerprint.inputs()
    for part in ("LANGUAGE", "def exp_f32", "llvmlite ", "numpy ", machine.host().features):
        assert any(part in text for text in everything), part


def test_the_process_wide_cache() -> None:
    address = cache.load_ir(IR, "nothing")
    assert address == cache.load_ir(IR, "nothing")
    assert cache.cache_stats().hits + cache.cache_stats().tiles >= 1
    assert cache.cache_size() >= 0


def test_the_environment() -> None:
    assert cache_folder({"GRAPHC_CACHE_DIR": "/a/b"}) == Path("/a/b")
    if sys.platform == "linux":
        assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/graphc")
        assert cache_folder({}) == Path("~/.cache/graphc").expanduser()
    assert threads_asked({"OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "2"}) == 4
    assert threads_asked({"NUMBA_NUM_THREADS": "2"}) is None
    assert threads_asked({"OMP_NUM_THREADS": "0"}) is None
