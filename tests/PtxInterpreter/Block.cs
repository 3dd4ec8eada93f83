namespace Faith.PtxInterpreter;

/// <summary>The size of a grid or a position in it.</summary>
public readonly record struct Dim(uint X, uint Y, uint Z)
{
    /// <summary>Number of blocks.</summary>
    public long Count => (long)X * Y * Z;
}

/// <summary>One thread block at a time of a launch: its warps, their barrier and their shared memory.</summary>
public sealed class Block : IDisposable
{
    private readonly Warp[] _warps;
    private readonly Dim _grid;
    private readonly int _threads, _dynamicShared;

    /// <summary>A block of <paramref name="threads"/> threads.</summary>
    public Block(PtxKernel kernel, Dim grid, int threads, byte[] parameters, GlobalMemory memory, ulong firstNumber, int dynamicShared)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        Kernel = kernel;
        Parameters = parameters;
        Memory = memory;
        Shared = new(kernel, dynamicShared);
        (_grid, _threads, FirstNumber, _dynamicShared) = (grid, threads, firstNumber, dynamicShared);
        _warps = [.. Enumerable.Range(0, threads / Warp.Lanes).Select(w => new Warp(this, w * Warp.Lanes))];
    }

    /// <summary>The kernel.</summary>
    public PtxKernel Kernel { get; }
    /// <summary>The parameter block.</summary>
    public byte[] Parameters { get; }
    /// <summary>Global memory.</summary>
    public GlobalMemory Memory { get; }
    /// <summary>Shared memory.</summary>
    public SharedMemory Shared { get; }
    /// <summary>Number of the launch's first block; see <see cref="GlobalAccesses"/>.</summary>
    public ulong FirstNumber { get; }
    /// <summary>Number of this block.</summary>
    public ulong Number { get; private set; }
    /// <summary>Barriers that it has passed.</summary>
    public int Interval { get; private set; }
    /// <summary>Position in the grid.</summary>
    public Dim Index { get; private set; }
    /// <summary>Warp instructions run so far.</summary>
    public long Executed => _warps.Sum(w => w.Executed);

    /// <summary>Value of a special register.</summary>
    public uint Special(string name, int thread) => name switch
    {
        "%tid.x" => (uint)thread,
        "%ntid.x" => (uint)_threads,
        "%ctaid.x" => Index.X,
        "%ctaid.y" => Index.Y,
        "%ctaid.z" => Index.Z,
        "%nctaid.x" => _grid.X,
        "%nctaid.y" => _grid.Y,
        "%nctaid.z" => _grid.Z,
        "%laneid" => (uint)(thread % Warp.Lanes),
        "%dynamic_smem_size" => (uint)_dynamicShared,
        "%tid.y" or "%tid.z" => 0,
        "%ntid.y" or "%ntid.z" => 1,
        _ => throw new PtxException($"kernel {Kernel.Name}: unknown special register {name}"),
    };

    /// <summary>Runs the block number <paramref name="n"/> of the grid.</summary>
    public void Run(long n)
    {
        Index = new((uint)(n % _grid.X), (uint)(n / _grid.X % _grid.Y), (uint)(n / _grid.X / _grid.Y));
        (Number, Interval) = (FirstNumber + (ulong)n, 0);
        Shared.Reset();
        foreach (var warp in _warps)
            warp.Start();
        while (true)
        {
            foreach (var warp in _warps)
                if (!warp.Finished)
                    warp.Run();
            var waiting = _warps.FirstOrDefault(w => !w.Finished);
            if (waiting is null)
                return;
            foreach (var warp in _warps)
                if (warp.Finished)
                    throw waiting.Failure(waiting.WaitingAt!,
                        $"divergent: warp {waiting.FirstThread / Warp.Lanes} waits at a barrier that warp {warp.FirstThread / Warp.Lanes} never reaches, for it has left the kernel");
                else if (warp.WaitingAt != waiting.WaitingAt)
                    throw waiting.Failure(waiting.WaitingAt!,
                        $"divergent: warp {waiting.FirstThread / Warp.Lanes} waits here while warp {warp.FirstThread / Warp.Lanes} waits at PTX line {warp.WaitingAt!.Line}");
            Shared.Barrier();
            if (++Interval > GlobalAccesses.MostIntervals)
                throw waiting.Failure(waiting.WaitingAt!, $"more than {GlobalAccesses.MostIntervals} barriers");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var warp in _warps)
            warp.Dispose();
        Shared.Dispose();
    }
}
