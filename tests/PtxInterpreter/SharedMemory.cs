using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Faith.PtxInterpreter;

/// <summary>
/// A block's shared memory with a record of who touched each word since the last barrier: two threads that touch the same
/// word, at least one of them writing, race unless a barrier stands between. Reading a word that nobody wrote is a failure.
/// </summary>
public sealed unsafe class SharedMemory : IDisposable
{
    private const int ThreadBits = 11, SeveralThreads = (1 << ThreadBits) - 1;

    private readonly List<SharedVariable> _variables;
    private readonly byte* _bytes;
    private readonly int _length;
    // (epoch << ThreadBits) | (thread + 1) of the last write and the last read; 0: none.
    private readonly int[] _writer, _reader;
    private readonly bool[] _inVariable;
    private int _epoch;

    /// <summary>Shared memory for one kernel.</summary>
    /// <param name="dynamicBytes">Bytes of what the kernel leaves to the launch.</param>
    public SharedMemory(PtxKernel kernel, int dynamicBytes = 0)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _variables = [.. kernel.Shared];
        if (kernel.DynamicShared is { } dynamic && dynamicBytes > 0)
            _variables.Add(dynamic with { Size = dynamicBytes });
        _length = (_variables.Select(v => v.Offset + v.Size).DefaultIfEmpty(kernel.SharedBytes).Max() + 3) / 4 * 4;
        _bytes = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(_length, 16), 64);
        _writer = new int[_length / 4];
        _reader = new int[_length / 4];
        _inVariable = new bool[_length / 4];
        foreach (var variable in _variables)
            _inVariable.AsSpan(variable.Offset / 4, (variable.Size + 3) / 4).Fill(true);
    }

    /// <summary>Forgets everything, for the next block.</summary>
    public void Reset()
    {
        Array.Clear(_writer);
        Array.Clear(_reader);
        _epoch = 1;
    }

    /// <summary>All threads passed a barrier.</summary>
    public void Barrier() => _epoch++;

    /// <summary>The words that a thread reads, after all checks.</summary>
    /// <returns>What is wrong with the access, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? Read(ulong address, int bytes, int thread, out byte* data)
    {
        data = _bytes + address;
        if (Misplaced(address, bytes) is { } problem)
            return problem;
        var own = _epoch << ThreadBits | thread + 1;
        for (var word = (int)address / 4; word < ((int)address + bytes) / 4; word++)
        {
            var writer = _writer[word];
            if (writer == 0)
                return $"thread {thread} reads {Describe(word)}, which nobody has written";
            if (writer >> ThreadBits == _epoch && writer != own)
                return $"race: thread {thread} reads {Describe(word)}, which thread {(writer & SeveralThreads) - 1} wrote since the last barrier";
            var reader = _reader[word];
            _reader[word] = reader >> ThreadBits == _epoch && reader != own ? _epoch << ThreadBits | SeveralThreads : own;
        }
        return null;
    }

    /// <summary>A read of words that another thread has just read: they are in bounds and written, but perhaps by that thread itself.</summary>
    /// <returns>What is wrong with the access, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? ReadAgain(ulong address, int bytes, int thread)
    {
        for (var word = (int)address / 4; word < ((int)address + bytes) / 4; word++)
        {
            if (_writer[word] >> ThreadBits == _epoch)
                return Read(address, bytes, thread, out _);
            _reader[word] = _epoch << ThreadBits | SeveralThreads;
        }
        return null;
    }

    /// <summary>The words that a thread writes, after all checks.</summary>
    /// <returns>What is wrong with the access, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? Write(ulong address, int bytes, int thread, out byte* data)
    {
        data = _bytes + address;
        if (Misplaced(address, bytes) is { } problem)
            return problem;
        var own = _epoch << ThreadBits | thread + 1;
        for (var word = (int)address / 4; word < ((int)address + bytes) / 4; word++)
        {
            int writer = _writer[word], reader = _reader[word];
            if (writer >> ThreadBits == _epoch && writer != own)
                return $"race: threads {(writer & SeveralThreads) - 1} and {thread} both write {Describe(word)}";
            if (reader >> ThreadBits == _epoch && reader != own)
                return $"race: thread {thread} writes {Describe(word)}, which {((reader & SeveralThreads) == SeveralThreads ? "other threads" : $"thread {(reader & SeveralThreads) - 1}")} read since the last barrier";
            _writer[word] = own;
        }
        return null;
    }

    private string? Misplaced(ulong address, int bytes)
    {
        // Who touched what is kept word by word, so that neighbours in a word would seem to race.
        if (bytes < 4)
            return $"shared memory is used by {bytes} bytes at address {address:x}: only whole words are known";
        if (address % (ulong)bytes != 0)
            return $"shared address {address:x} is not aligned to {bytes} bytes";
        if (address + (ulong)bytes > (ulong)_length || !_inVariable[address / 4] || !_inVariable[(address + (ulong)bytes - 1) / 4])
            return $"shared address {address:x} is in no variable";
        return null;
    }

    private string Describe(int word)
    {
        var variable = _variables.First(v => word * 4 >= v.Offset && word * 4 < v.Offset + v.Size);
        return $"word {word - variable.Offset / 4} of {variable.Name}";
    }

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.AlignedFree(_bytes);
}
