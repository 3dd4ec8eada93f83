namespace Faith.Kernels.Cuda;

/// <summary>Launches written down in order, with the values of their parameters.</summary>
internal sealed class LaunchList
{
    private readonly List<(KernelLaunch Launch, int Start)> _launches = [];
    private byte[] _parameters = new byte[1024];
    private int _used;

    /// <summary>How many launches there are.</summary>
    public int Count => _launches.Count;

    /// <summary>A launch.</summary>
    public KernelLaunch this[int index] => _launches[index].Launch;

    /// <summary>The bytes of a launch's parameter.</summary>
    public ReadOnlySpan<byte> Parameters(int index) => _parameters.AsSpan(_launches[index].Start, _launches[index].Launch.ParameterBytes);

    /// <summary>Appends a launch.</summary>
    public void Add(in KernelLaunch launch, ReadOnlySpan<byte> parameters)
    {
        if (_used + parameters.Length > _parameters.Length)
            Array.Resize(ref _parameters, 2 * (_used + parameters.Length));
        parameters.CopyTo(_parameters.AsSpan(_used));
        _launches.Add((launch, _used));
        _used += parameters.Length;
    }

    /// <summary>Puts the launch of another list with the same kernels in the place of this list's.</summary>
    public void Replace(int index, LaunchList from)
    {
        _launches[index] = (from[index], _launches[index].Start);
        from.Parameters(index).CopyTo(_parameters.AsSpan(_launches[index].Start));
    }

    /// <summary>True when a launch of both lists has the same grid and the same parameters.</summary>
    public bool IsSame(int index, LaunchList other) => this[index] == other[index] && Parameters(index).SequenceEqual(other.Parameters(index));

    /// <summary>True when both lists have the same kernels in the same order.</summary>
    public bool HasKernelsOf(LaunchList other)
    {
        if (Count != other.Count)
            return false;
        for (var i = 0; i < Count; i++)
            if (this[i].Function != other[i].Function)
                return false;
        return true;
    }

    /// <summary>A copy that later changes do not reach.</summary>
    public LaunchList Copy()
    {
        var copy = new LaunchList { _parameters = _parameters[.._used], _used = _used };
        copy._launches.AddRange(_launches);
        return copy;
    }

    /// <summary>Empties the list.</summary>
    public void Clear()
    {
        _launches.Clear();
        _used = 0;
    }
}
