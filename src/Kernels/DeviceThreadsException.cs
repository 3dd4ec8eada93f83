namespace Faith.Kernels;

/// <summary>The system does not give a device the threads that it was asked to work with.</summary>
public sealed class DeviceThreadsException : Exception
{
    /// <summary>Says how many it was to be.</summary>
    public DeviceThreadsException(string message, Exception inner) : base(message, inner) { }
}
