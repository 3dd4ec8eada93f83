using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Faith.Cli.Tests;

/// <summary>
/// Writes small random models without tokenizer files: two layers, 16 tokens, a context of 8. Their numbers are float32; or such as float16 holds, stored so or as float32.
/// </summary>
internal static class TinyModel
{
    /// <summary>What the numbers are, and how they are stored.</summary>
    public enum Numbers
    {
        Single,
        Half,
        WidenedHalf,
    }

    private const int Layers = 2, Width = 8, Hidden = 32, Vocabulary = 16, Context = 8;

    /// <summary>A GPT-2 of two heads, with parameters between −<paramref name="scale"/> and <paramref name="scale"/>.</summary>
    public static string Write(string folder, float scale = 0.5f, Numbers numbers = Numbers.Single)
    {
        var tensors = new List<(string Name, int[] Shape)> { ("wte.weight", [Vocabulary, Width]), ("wpe.weight", [Context, Width]), ("ln_f.weight", [Width]), ("ln_f.bias", [Width]) };
        for (var l = 0; l < Layers; l++)
        {
            foreach (var norm in (string[])["ln_1", "ln_2"])
            {
                tensors.Add(($"h.{l}.{norm}.weight", [Width]));
                tensors.Add(($"h.{l}.{norm}.bias", [Width]));
            }
            foreach (var (name, inputs, outputs) in ((string, int, int)[])[("attn.c_attn", Width, 3 * Width), ("attn.c_proj", Width, Width), ("mlp.c_fc", Width, Hidden), ("mlp.c_proj", Hidden, Width)])
            {
                tensors.Add(($"h.{l}.{name}.weight", [inputs, outputs]));
                tensors.Add(($"h.{l}.{name}.bias", [outputs]));
            }
        }
        return Write(folder, scale, numbers, tensors, $$"""
            {"model_type": "gpt2", "activation_function": "gelu_new", "n_embd": {{Width}}, "n_head": 2, "n_layer": {{Layers}}, "n_positions": {{Context}},
             "vocab_size": {{Vocabulary}}, "layer_norm_epsilon": 1e-5, "bos_token_id": 0, "eos_token_id": 0}
            """);
    }

    /// <summary>A Llama of four heads on two key heads.</summary>
    public static string WriteLlama(string folder, float scale = 0.5f, Numbers numbers = Numbers.Single)
    {
        var tensors = new List<(string Name, int[] Shape)> { ("model.embed_tokens.weight", [Vocabulary, Width]), ("model.norm.weight", [Width]), ("lm_head.weight", [Vocabulary, Width]) };
        for (var l = 0; l < Layers; l++)
        {
            foreach (var (name, inputs, outputs) in ((string, int, int)[])[("self_attn.q_proj", Width, Width), ("self_attn.k_proj", Width, Width / 2), ("self_attn.v_proj", Width, Width / 2),
                ("self_attn.o_proj", Width, Width), ("mlp.gate_proj", Width, Hidden), ("mlp.up_proj", Width, Hidden), ("mlp.down_proj", Hidden, Width)])
            {
                tensors.Add(($"model.layers.{l}.{name}.weight", [outputs, inputs]));
            }
            foreach (var norm in (string[])["input_layernorm", "post_attention_layernorm"]) tensors.Add(($"model.layers.{l}.{norm}.weight", [Width]));
        }
        return Write(folder, scale, numbers, tensors, $$"""
            {"model_type": "llama", "hidden_act": "silu", "hidden_size": {{Width}}, "intermediate_size": {{Hidden}}, "num_attention_heads": 4, "num_key_value_heads": 2,
             "num_hidden_layers": {{Layers}}, "max_position_embeddings": {{Context}}, "vocab_size": {{Vocabulary}}, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
             "bos_token_id": 0, "eos_token_id": 0}
            """);
    }

    private static string Write(string folder, float scale, Numbers numbers, List<(string Name, int[] Shape)> tensors, string config)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        var random = new Random(1);
        var header = new StringBuilder("{");
        var data = new List<byte>();
        foreach (var (name, shape) in tensors)
        {
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() - 0.5) * 2 * scale;
            Half[] halves = numbers == Numbers.Single ? [] : [.. values.Select(v => (Half)v)];
            if (numbers == Numbers.WidenedHalf) values = [.. halves.Select(h => (float)h)];
            ReadOnlySpan<byte> bytes = numbers == Numbers.Half ? MemoryMarshal.AsBytes<Half>(halves) : MemoryMarshal.AsBytes<float>(values);
            if (header.Length > 1) header.Append(',');
            header.Append(CultureInfo.InvariantCulture, $"\"{name}\":{{\"dtype\":\"{(numbers == Numbers.Half ? "F16" : "F32")}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{data.Count},{data.Count + bytes.Length}]}}");
            data.AddRange(bytes);
        }
        var json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), [.. length, .. json, .. data]);
        return folder;
    }
}
