namespace Faith.PtxInterpreter;

/// <summary>Runs a kernel over a grid.</summary>
public static class Launch
{
    /// <summary>Warp instructions run by all launches.</summary>
    public static long Executed => Interlocked.Read(ref s_executed);

    private static long s_executed;

    /// <summary>Runs all blocks, several at a time.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="parameters">The parameter block.</param>
    /// <param name="memory">Global memory.</param>
    /// <param name="reverse">Takes the blocks from the last to the first: results must not depend on the order.</param>
    /// <param name="dynamicShared">Bytes of dynamic shared memory.</param>
    /// <exception cref="PtxException">A rule was broken.</exception>
    public static void Run(PtxKernel kernel, Dim grid, int threads, byte[] parameters, GlobalMemory memory, bool reverse,
        int dynamicShared = 0)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Length != kernel.ParameterBytes)
            throw new PtxException($"kernel {kernel.Name}: {parameters.Length} bytes of parameters, {kernel.ParameterBytes} declared");
        if (threads <= 0 || threads % Warp.Lanes != 0 || kernel.MaxThreads > 0 && threads > kernel.MaxThreads)
            throw new PtxException($"kernel {kernel.Name}: {threads} threads a block, at most {kernel.MaxThreads} in whole warps are allowed");
        if (grid.Count == 0 || grid.X > int.MaxValue || grid.Y > ushort.MaxValue || grid.Z > ushort.MaxValue)
            throw new PtxException($"kernel {kernel.Name}: a grid of {grid} is not allowed");
        if (kernel.Shared.Sum(s => s.Size) + dynamicShared > 48 * 1024)
            throw new PtxException($"kernel {kernel.Name}: more than 48 KiB of shared memory");

        var next = -1L;
        var firstNumber = GlobalAccesses.Number(grid.Count);
        PtxException? failure = null;
        void Work()
        {
            using var block = new Block(kernel, grid, threads, parameters, memory, firstNumber, dynamicShared);
            for (long n; Volatile.Read(ref failure) is null && (n = Interlocked.Increment(ref next)) < grid.Count;)
            {
                var at = reverse ? grid.Count - 1 - n : n;
                try
                {
                    block.Run(at);
                }
                catch (PtxException e)
                {
                    Interlocked.CompareExchange(ref failure, e, null);
                }
                catch (DivideByZeroException)
                {
                    Interlocked.CompareExchange(ref failure, new($"kernel {kernel.Name}: division by zero"), null);
                }
            }
            Interlocked.Add(ref s_executed, block.Executed);
        }
        var workers = (int)Math.Min(Environment.ProcessorCount, grid.Count);
        if (workers == 1)
            Work();
        else
            Parallel.For(0, workers, _ => Work());
        if (failure is not null)
            throw failure;
    }
}
