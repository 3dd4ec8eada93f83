using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Faith.Kernels.Host;

/// <summary>The work of one chunk: items [from, to), on worker number <paramref name="thread"/> (0 is the caller).</summary>
internal delegate void ChunkBody<T>(in T operands, int from, int to, int thread);

/// <summary>
/// Threads for jobs of 10–1000 µs. A job is cut into chunks that the caller and the workers claim one by one, so a worker that
/// the system has put aside delays nothing but the chunk that it has already claimed. Idle workers spin for a short while, then block.
/// Not re-entrant: one job at a time, issued by one thread at a time.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    const int MaxChunks = 0x7FFF;
    static readonly long SpinTicks = Stopwatch.Frequency / 5000; // 200 µs: longer than the pause between two operations of a pass

    // Fields that several threads write stand on cache lines of their own.
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    struct Shared
    {
        /// <summary>epoch in the upper half, then 16 bits of chunk count and 16 of the next chunk: one word, so that a claim is one compare-and-swap.</summary>
        [FieldOffset(64)] public long Ticket;
        [FieldOffset(128)] public int Done;
        [FieldOffset(192)] public int Sleepers;
        [FieldOffset(256)] public int Stopping;
    }

    Shared shared;
    readonly Thread[] workers;
    readonly SemaphoreSlim wake = new(0);
    delegate*<object, void*, int, int, int, void> invoke;
    object? body;
    void* operands;
    int count, grain;
    uint epoch;
    Exception? failure;

    /// <summary>Starts <paramref name="threads"/> − 1 workers.</summary>
    /// <param name="threads">Workers and the caller.</param>
    /// <param name="start">Starts a thread; null: as the system does.</param>
    /// <exception cref="DeviceThreadsException">The system does not give so many.</exception>
    public WorkerPool(int threads, Action<Thread>? start = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        workers = [.. Enumerable.Range(1, threads - 1).Select(number => new Thread(() => Work(number)) { IsBackground = true, Name = $"Faith worker {number}" })];
        foreach (var worker in workers)
        {
            try
            {
                if (start is null) worker.Start();
                else start(worker);
            }
            catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
            {
                Dispose();
                throw new DeviceThreadsException($"the system does not give this process {threads} threads", e);
            }
        }
    }

    /// <summary>Workers and the caller.</summary>
    public int Threads => workers.Length + 1;

    /// <summary>Runs the body over items [0, count) in chunks of at least <paramref name="grain"/> items; returns when all are done.</summary>
    public void For<T>(int count, int grain, in T operands, ChunkBody<T> body)
    {
        if (count <= 0) return;
        grain = Math.Max(Math.Max(grain, 1), (int)(((long)count + MaxChunks - 1) / MaxChunks));
        var chunks = (int)(((long)count + grain - 1) / grain);
        if (chunks == 1 || workers.Length == 0)
        {
            body(operands, 0, count, 0);
            return;
        }
        var copy = operands; // on this stack, which outlives the job and does not move
        invoke = &Invoke<T>;
        this.body = body;
        this.operands = Unsafe.AsPointer(ref copy);
        this.count = count;
        this.grain = grain;
        Volatile.Write(ref shared.Done, 0);
        epoch++;
        Interlocked.Exchange(ref shared.Ticket, (long)epoch << 32 | (long)chunks << 16);
        if (Volatile.Read(ref shared.Sleepers) > 0)
        {
            var sleepers = Interlocked.Exchange(ref shared.Sleepers, 0);
            if (sleepers > 0) wake.Release(sleepers);
        }
        while (TryChunk(0)) { }
        for (var spins = 0; Volatile.Read(ref shared.Done) != chunks; spins++)
        {
            if (spins < 2000) Thread.SpinWait(1);
            else Thread.Yield();
        }
        this.body = null;
        if (failure is { } error)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }

    static void Invoke<T>(object body, void* operands, int from, int to, int thread) =>
        Unsafe.As<ChunkBody<T>>(body)(in Unsafe.AsRef<T>(operands), from, to, thread);

    bool TryChunk(int thread)
    {
        var ticket = Volatile.Read(ref shared.Ticket);
        int next = (int)(ticket & 0xFFFF), chunks = (int)(ticket >> 16 & 0xFFFF);
        if (next >= chunks) return false;
        if (Interlocked.CompareExchange(ref shared.Ticket, ticket + 1, ticket) != ticket) return true;
        // The claim succeeded, so the job is still running and its fields stay what they are until this chunk is counted as done.
        try
        {
            var from = next * grain;
            invoke(body!, operands, from, Math.Min(count - from, grain) + from, thread);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref failure, e, null);
        }
        Interlocked.Increment(ref shared.Done);
        return true;
    }

    void Work(int thread)
    {
        long idleSince = 0;
        var spins = 0;
        while (true)
        {
            if (TryChunk(thread))
            {
                idleSince = 0;
                continue;
            }
            if (Volatile.Read(ref shared.Stopping) != 0) return;
            Thread.SpinWait(1);
            if ((++spins & 63) != 0) continue;
            var now = Stopwatch.GetTimestamp();
            if (idleSince == 0) idleSince = now;
            if (now - idleSince < SpinTicks) continue;
            Sleep();
            idleSince = 0;
        }
    }

    void Sleep()
    {
        Interlocked.Increment(ref shared.Sleepers);
        var ticket = Volatile.Read(ref shared.Ticket);
        var missed = (ticket & 0xFFFF) < (ticket >> 16 & 0xFFFF) || Volatile.Read(ref shared.Stopping) != 0;
        if (missed)
        {
            // A job came between the last look and the announcement: take the announcement back, unless a permit is already on its way.
            if (Interlocked.Decrement(ref shared.Sleepers) >= 0) return;
            Interlocked.Increment(ref shared.Sleepers);
        }
        wake.Wait();
    }

    /// <summary>Stops the workers and waits for them.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref shared.Stopping, 1) != 0) return;
        if (workers.Length > 0) wake.Release(workers.Length);
        foreach (var worker in workers)
        {
            if ((worker.ThreadState & System.Threading.ThreadState.Unstarted) == 0) worker.Join();
        }
        wake.Dispose();
    }
}
